"""F1 against core-seconds: our renders compared with those of a script that follows BlenderProc's documentation."""
