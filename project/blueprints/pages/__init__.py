"""The pages people see: home page, documentation, problems, mailbox, invitation."""
