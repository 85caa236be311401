"""Test whether renders that look more like photographs train better networks."""
