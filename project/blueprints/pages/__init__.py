"""The HTML pages: home page, API documentation, problems, invitation, and the development mailbox."""
