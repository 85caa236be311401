"""The Python API of twins: `Asset`, and `Twin`, whose forecast is a `twin.forecast.result.Forecast`."""
