"""Whether renders that look nearer to photographs train better."""
