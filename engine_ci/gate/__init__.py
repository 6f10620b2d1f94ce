"""The questions that a new engine must answer before a person is asked to review it."""
