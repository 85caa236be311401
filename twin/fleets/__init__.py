"""Many twins at once: what each needs next, ranked; a page a twin, and workbooks for people."""
