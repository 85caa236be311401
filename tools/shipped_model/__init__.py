"""The model that ships with corrotwin: how it is trained, what it is measured on, and how its files are made."""
