"""Presets: named ranges from which scenes, light, cameras and labels are drawn, built-in or custom."""
