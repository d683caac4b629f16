"""What people see in a terminal: tables, progress, one line a finding."""
