"""A picture of a run: what each process of an environment did and when."""
