"""What a diagram may write into the governance records, in the transaction that advances it."""
