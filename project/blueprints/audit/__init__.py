"""The audit trail: routes for admins, and for admins of organizations."""
