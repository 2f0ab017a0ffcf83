"""The names of all properties of the resources that a template declares, so that one with a mistake is named.

CloudFormation and AWS SAM refuse a template with another name, and moto ignores it. A test compares the names with the
schemas of CloudFormation. SAM: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-resource-simpletable.html, sam-property-function-s3.html, sam-property-function-sqs.html and others there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MAPPING = """
    BatchSize Enabled FilterCriteria FunctionResponseTypes KmsKeyArn LoggingConfig MaximumBatchingWindowInSeconds
    MetricsConfig ProvisionedPollerConfig
"""
_STREAM = f"""
    {_MAPPING} BisectBatchOnFunctionError DestinationConfig MaximumRecordAgeInSeconds MaximumRetryAttempts
    ParallelizationFactor StartingPosition StartingPositionTimestamp TumblingWindowInSeconds
"""
PROPERTIES: Mapping[str, str] = {
    "AWS::DynamoDB::Table": """
        AttributeDefinitions BillingMode ContributorInsightsSpecification DeletionProtectionEnabled
        GlobalSecondaryIndexes ImportSourceSpecification KeySchema KinesisStreamSpecification
        LocalSecondaryIndexes OnDemandThroughput PointInTimeRecoverySpecification ProvisionedThroughput
        ResourcePolicy SSESpecification StreamSpecification TableClass TableName Tags
        TimeToLiveSpecification VectorIndexes WarmThroughput
    """,
    "AWS::Events::EventBus": "DeadLetterConfig Description EventSourceName KmsKeyIdentifier LogConfig Name Policy Tags",
    "AWS::Events::Rule": "Description EventBusName EventPattern Name RoleArn ScheduleExpression State Tags Targets",
    "AWS::Kinesis::Stream": """
        DesiredShardLevelMetrics MaxRecordSizeInKiB Name RecordDistributionStrategy RetentionPeriodHours
        ShardCount StreamEncryption StreamModeDetails Tags WarmThroughputMiBps
    """,
    "AWS::Logs::LogGroup": """
        BearerTokenAuthenticationEnabled DataProtectionPolicy DeletionProtectionEnabled FieldIndexPolicies
        KmsKeyId LogGroupClass LogGroupName ResourcePolicyDocument RetentionInDays Tags
    """,
    "AWS::S3::Bucket": """
        AbacStatus AccelerateConfiguration AccessControl AnalyticsConfigurations BucketEncryption BucketName
        BucketNamePrefix BucketNamespace CorsConfiguration IntelligentTieringConfigurations
        InventoryConfigurations LifecycleConfiguration LoggingConfiguration MetadataConfiguration
        MetadataTableConfiguration MetricsConfigurations NotificationConfiguration ObjectLockConfiguration
        ObjectLockEnabled OwnershipControls PublicAccessBlockConfiguration ReplicationConfiguration Tags
        VersioningConfiguration WebsiteConfiguration
    """,
    "AWS::SNS::Subscription": """
        DeliveryPolicy Endpoint FilterPolicy FilterPolicyScope Protocol RawMessageDelivery RedrivePolicy
        Region ReplayPolicy SubscriptionRoleArn TopicArn
    """,
    "AWS::SNS::Topic": """
        ArchivePolicy ContentBasedDeduplication DataProtectionPolicy DeliveryStatusLogging DisplayName
        FifoThroughputScope FifoTopic KmsMasterKeyId MaximumMessageSize SignatureVersion Subscription Tags
        TopicName TracingConfig
    """,
    "AWS::SQS::Queue": """
        ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit
        KmsDataKeyReusePeriodSeconds KmsMasterKeyId MaximumMessageSize MessageRetentionPeriod QueueName
        ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled Tags
        VisibilityTimeout
    """,
    "AWS::SSM::Parameter": "AllowedPattern DataType Description Name Policies Tags Tier Type Value",
    "AWS::SecretsManager::Secret": """
        Description GenerateSecretString KmsKeyId Name ReplicaRegions SecretString Tags Type
    """,
    "AWS::Serverless::SimpleTable": """
        PointInTimeRecoverySpecification PrimaryKey ProvisionedThroughput SSESpecification TableName Tags
    """,
    "DynamoDB": f"Stream {_STREAM}",
    "Kinesis": f"Stream {_STREAM}",
    "S3": "Bucket Events Filter",
    "SNS": "FilterPolicy FilterPolicyScope RedrivePolicy Region SqsSubscription Topic",
    "SQS": f"Queue ScalingConfig {_MAPPING}",
}
"""The properties of resources, and of events of a function."""


def unknown(kind: str, properties: Iterable[object]) -> str | None:
    """Says which properties of a type do not exist; None if all do, or if the type has no list here."""
    known = PROPERTIES.get(kind, "").split()
    names = [str(name) for name in properties if name not in known and not str(name).startswith("Fn::")]
    if not known or not names:
        return None
    owner = "CloudFormation" if kind.startswith("AWS::") and "::Serverless::" not in kind else "AWS SAM"
    return f"{owner} does not know {', '.join(_with_similar(name, known) for name in names)}"


def _with_similar(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    similar = get_close_matches(name, known, 1)
    return f"{name} (did you mean {similar[0]}?)" if similar else name
