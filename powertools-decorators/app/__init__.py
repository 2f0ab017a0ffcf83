"""An order service, and the warehouse it asks."""
