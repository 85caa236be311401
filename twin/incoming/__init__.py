"""Incoming readings: files in a watched folder, and messages from an MQTT broker."""
