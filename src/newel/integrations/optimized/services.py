"""The services of the optimized integrations, as the AWS SDK for Java 1 names them and their errors."""

from __future__ import annotations

from typing import Final

from newel.integrations.sdk import Service

ATHENA: Final = Service("athena", "Athena", "AmazonAthena", "AmazonAthenaException")
BATCH: Final = Service("batch", "Batch", "AWSBatch", "AWSBatchException")
BEDROCK: Final = Service("bedrock", "Bedrock", "AmazonBedrock", "AmazonBedrockException", metadata=False)
BEDROCK_RUNTIME: Final = Service(
    "bedrock-runtime", "Bedrock", "AmazonBedrockRuntime", "AmazonBedrockRuntimeException", metadata=False
)
CODEBUILD: Final = Service("codebuild", "CodeBuild", "AWSCodeBuild", "AWSCodeBuildException")
DATABREW: Final = Service("databrew", "DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException")
DYNAMODB: Final = Service("dynamodb", "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException")
ECS: Final = Service("ecs", "ECS", "AmazonECS", "AmazonECSException")
EKS: Final = Service("eks", "EKS", "AmazonEKS", "AmazonEKSException")
EMR: Final = Service("emr", "ElasticMapReduce", "AmazonElasticMapReduce", "AmazonElasticMapReduceException")
EMR_CONTAINERS: Final = Service(
    "emr-containers", "EMRContainers", "AmazonEMRContainers", "AmazonEMRContainersException"
)
EMR_SERVERLESS: Final = Service(
    "emr-serverless", "EMRServerless", "AWSEMRServerless", "AWSEMRServerlessException", metadata=False
)
EVENTS: Final = Service("events", "EventBridge", "AmazonEventBridge", "AmazonEventBridgeException", metadata=False)
GLUE: Final = Service("glue", "Glue", "AWSGlue", "AWSGlueException")
MEDIACONVERT: Final = Service(
    "mediaconvert", "MediaConvert", "AWSMediaConvert", "AWSMediaConvertException", metadata=False
)
S3: Final = Service("s3", "S3", "Amazon S3", "AmazonS3Exception", metadata=False)
SAGEMAKER: Final = Service("sagemaker", "SageMaker", "AmazonSageMaker", "AmazonSageMakerException")
SNS: Final = Service("sns", "SNS", "AmazonSNS", "AmazonSNSException")
SQS: Final = Service("sqs", "SQS", "AmazonSQS", "AmazonSQSException")
