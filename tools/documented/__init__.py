"""F1 against core-seconds: our renders beside those of a script written after BlenderProc's documentation."""
