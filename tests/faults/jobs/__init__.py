"""Workers that are killed, stopped or told to end, and what their jobs depend on."""
