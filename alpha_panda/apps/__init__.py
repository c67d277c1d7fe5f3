"""What people look at: charts and the tear sheet, drawn from the frames of backtest and live alike."""
