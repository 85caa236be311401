"""A twin as an Asset Administration Shell (AAS): nameplate, 3D model, condition; AASX or JSON. Needs basyx."""
