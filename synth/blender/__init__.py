"""The Blender process, which alone imports bpy and blenderproc: ``python -m corrotwin.synth.blender BATCH PARENT``.

It imports the standard library, numpy, bpy, blenderproc and `synth.spec`, so that another interpreter can run it.
"""
