"""Subscriptions to the Logs API and the Telemetry API, and the deliveries to them."""
