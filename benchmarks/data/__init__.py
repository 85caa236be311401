"""What a study measures on sets of photos: groups, external sets, background false positives, domain gap."""
