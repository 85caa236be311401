"""U-Nets that segment corrosion in photographs: data, training, evaluation, prediction."""
