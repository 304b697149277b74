"""Amazon Bedrock: chat by Converse, embeddings by InvokeModel, on the lean upstream client."""
