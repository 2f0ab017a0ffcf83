"""The local AWS endpoint (`local-lambda aws`): its own Lambda control plane; the other services by moto."""
