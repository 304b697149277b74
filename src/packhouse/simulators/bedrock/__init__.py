"""Amazon Bedrock Runtime: Converse, ConverseStream, InvokeModel with and without a stream, CountTokens."""
