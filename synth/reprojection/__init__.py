"""Map photographs onto a twin: camera models, camera files and texel maps."""
