"""The worth of renders on photos of unseen spots: the fixed protocol, screens, cross-validation, tables."""
