"""Inspections: records, the log that keeps them, and readers of tables and photographs."""
