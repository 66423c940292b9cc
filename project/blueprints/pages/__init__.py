"""The HTML pages: home page, API documentation, problem pages, invitation page and development mailbox."""
