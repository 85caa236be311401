"""Review of predictions: a page to go through masks, what a person decided there, and accepted masks as a dataset."""
