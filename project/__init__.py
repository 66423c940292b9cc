"""The foundation: a Flask modular monolith in three rings. ARCHITECTURE.md draws the map."""
