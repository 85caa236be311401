"""What renders are worth on photos of unseen spots: the fixed protocol, screening, cross-validation, tables."""
