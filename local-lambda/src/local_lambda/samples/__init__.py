"""Sample events: what AWS services and APIs send to a function. Pure: options in, one document out."""
