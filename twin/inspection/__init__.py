"""Inspections: records, the log that stores them, and readers of tables and photographs."""
