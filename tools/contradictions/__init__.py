"""Look for unlabelled pixels of renders that have the colours of labelled rust."""
