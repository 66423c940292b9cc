"""The pages people see: front door, documentation, problems, mailbox, invitation."""
