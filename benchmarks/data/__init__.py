"""Measurements on sets of photos: groups, external sets, false positives on background, domain gap."""
