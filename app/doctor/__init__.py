"""`gridtwin doctor`: looks at a deployment from outside, and says of each thing found what to do."""
