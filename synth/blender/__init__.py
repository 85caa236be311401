"""The Blender process, the only code that imports bpy and blenderproc: ``python -m corrotwin.synth.blender``.

It imports the standard library, numpy, bpy, blenderproc and `synth.spec`, so that another interpreter can run it.
"""
