"""What a template says: functions, their code, layers and interpreters."""
