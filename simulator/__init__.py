"""A stand-in for the province's upstream systems, speaking their real protocols. It shares no code with what it tests."""
