"""Stand-ins for the province's upstream systems, speaking real protocols; they share no code with what they test."""
