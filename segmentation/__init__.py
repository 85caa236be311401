"""U-Nets that outline corrosion in photographs: data, training, evaluation, prediction."""
