"""A study: a grid of training runs in one folder, its configuration, plan, state and results."""
