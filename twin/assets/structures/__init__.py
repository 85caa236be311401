"""Steelwork made of many parts: lattices, laced columns and built-up girders; rivets, gussets and bent members."""
