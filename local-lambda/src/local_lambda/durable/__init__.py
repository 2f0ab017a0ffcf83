"""Durable executions: functions that are invoked again and again, and continue where they saved their progress."""
