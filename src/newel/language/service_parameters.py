"""The parameters of the optimized integrations that are calls of AWS APIs; `*` marks those that are required.

They are the members of each operation's request with a capital first letter, except where the Developer Guide says
otherwise ("Integrating optimized services"). `sqs:sendMessage` and `sns:publish` leave it to their service to ask for
a text: AWS was recorded passing null on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: By `service:action`.
SUPPORTED: Final[Mapping[str, str]] = {
    "athena:startQueryExecution": """
        QueryString* ClientRequestToken EngineConfiguration ExecutionParameters QueryExecutionContext
        ResultConfiguration ResultReuseConfiguration WorkGroup
    """,
    "athena:stopQueryExecution": "QueryExecutionId*",
    "athena:getQueryExecution": "QueryExecutionId*",
    "athena:getQueryResults": "QueryExecutionId* MaxResults NextToken QueryResultType",
    "batch:submitJob": """
        JobDefinition* JobName* JobQueue* ArrayProperties ConsumableResourcePropertiesOverride ContainerOverrides
        DependsOn EcsPropertiesOverride EksPropertiesOverride NodeOverrides Parameters PropagateTags RetryStrategy
        SchedulingPriorityOverride ShareIdentifier Tags Timeout
    """,
    "bedrock:createModelCustomizationJob": """
        BaseModelIdentifier* CustomModelName* JobName* OutputDataConfig* RoleArn* TrainingDataConfig*
        ClientRequestToken CustomModelKmsKeyId CustomModelTags CustomizationConfig CustomizationType HyperParameters
        JobTags ValidationDataConfig VpcConfig
    """,
    "bedrock:invokeModel": """
        ModelId* Accept Body ContentType GuardrailIdentifier GuardrailVersion PerformanceConfigLatency
        ProjectIdentifier RequestMetadata ServiceTier Trace Input Output
    """,
    "codebuild:startBuild": """
        ProjectName* ArtifactsOverride AutoRetryLimitOverride BuildStatusConfigOverride BuildspecOverride
        CacheOverride CertificateOverride ComputeTypeOverride DebugSessionEnabled EncryptionKeyOverride
        EnvironmentTypeOverride EnvironmentVariablesOverride FleetOverride GitCloneDepthOverride
        GitSubmodulesConfigOverride HostKernelOverride IdempotencyToken ImageOverride
        ImagePullCredentialsTypeOverride InsecureSslOverride LogsConfigOverride PrivilegedModeOverride
        QueuedTimeoutInMinutesOverride RegistryCredentialOverride ReportBuildStatusOverride
        SecondaryArtifactsOverride SecondarySourcesOverride SecondarySourcesVersionOverride ServiceRoleOverride
        SourceAuthOverride SourceLocationOverride SourceTypeOverride SourceVersion TimeoutInMinutesOverride
    """,
    "codebuild:startBuildBatch": """
        ProjectName* ArtifactsOverride BuildBatchConfigOverride BuildTimeoutInMinutesOverride BuildspecOverride
        CacheOverride CertificateOverride ComputeTypeOverride DebugSessionEnabled EncryptionKeyOverride
        EnvironmentTypeOverride EnvironmentVariablesOverride GitCloneDepthOverride GitSubmodulesConfigOverride
        IdempotencyToken ImageOverride ImagePullCredentialsTypeOverride InsecureSslOverride LogsConfigOverride
        PrivilegedModeOverride QueuedTimeoutInMinutesOverride RegistryCredentialOverride
        ReportBuildBatchStatusOverride SecondaryArtifactsOverride SecondarySourcesOverride
        SecondarySourcesVersionOverride ServiceRoleOverride SourceAuthOverride SourceLocationOverride
        SourceTypeOverride SourceVersion
    """,
    "codebuild:stopBuild": "Id*",
    "codebuild:stopBuildBatch": "Id*",
    "codebuild:retryBuild": "Id IdempotencyToken",
    "codebuild:retryBuildBatch": "Id IdempotencyToken RetryType",
    "codebuild:batchDeleteBuilds": "Ids*",
    "codebuild:deleteBuildBatch": "Id*",
    "codebuild:batchGetReports": "ReportArns*",
    "codebuild:batchGetBuilds": "Ids*",
    "codebuild:batchGetBuildBatches": "Ids*",
    "databrew:startJobRun": "Name*",
    "dynamodb:getItem": """
        Key* TableName* AttributesToGet ConsistentRead ExpressionAttributeNames ProjectionExpression
        ReturnConsumedCapacity
    """,
    "dynamodb:putItem": """
        Item* TableName* ConditionExpression ConditionalOperator Expected ExpressionAttributeNames
        ExpressionAttributeValues ReturnConsumedCapacity ReturnItemCollectionMetrics ReturnValues
        ReturnValuesOnConditionCheckFailure
    """,
    "dynamodb:updateItem": """
        Key* TableName* AttributeUpdates ConditionExpression ConditionalOperator Expected ExpressionAttributeNames
        ExpressionAttributeValues ReturnConsumedCapacity ReturnItemCollectionMetrics ReturnValues
        ReturnValuesOnConditionCheckFailure UpdateExpression
    """,
    "dynamodb:deleteItem": """
        Key* TableName* ConditionExpression ConditionalOperator Expected ExpressionAttributeNames
        ExpressionAttributeValues ReturnConsumedCapacity ReturnItemCollectionMetrics ReturnValues
        ReturnValuesOnConditionCheckFailure
    """,
    "ecs:runTask": """
        TaskDefinition* CapacityProviderStrategy ClientToken Cluster Count EnableECSManagedTags EnableExecuteCommand
        Group LaunchType NetworkConfiguration Overrides PlacementConstraints PlacementStrategy PlatformVersion
        PropagateTags ReferenceId StartedBy Tags VolumeConfigurations
    """,
    "eks:createCluster": """
        Name* ResourcesVpcConfig* RoleArn* AccessConfig BootstrapSelfManagedAddons ClientRequestToken ComputeConfig
        ControlPlaneScalingConfig DeletionProtection EncryptionConfig KubeApiServerConfig
        KubeControllerManagerConfig KubeSchedulerConfig KubernetesNetworkConfig Logging OutpostConfig
        RemoteNetworkConfig StorageConfig Tags UpgradePolicy Version ZonalShiftConfig
    """,
    "eks:deleteCluster": "Name*",
    "eks:createNodegroup": """
        ClusterName* NodeRole* NodegroupName* Subnets* AmiType CapacityType ClientRequestToken DiskSize
        InstanceTypes Labels LaunchTemplate NodeRepairConfig ReleaseVersion RemoteAccess ScalingConfig Tags Taints
        UpdateConfig Version WarmPoolConfig
    """,
    "eks:deleteNodegroup": "ClusterName* NodegroupName*",
    "eks:createFargateProfile": """
        ClusterName* FargateProfileName* PodExecutionRoleArn* ClientRequestToken Selectors Subnets Tags
    """,
    "eks:deleteFargateProfile": "ClusterName* FargateProfileName*",
    "elasticmapreduce:createCluster": """
        Instances* Name* AdditionalInfo AmiVersion Applications AutoScalingRole AutoTerminationPolicy
        BootstrapActions Configurations CustomAmiId EbsRootVolumeIops EbsRootVolumeSize EbsRootVolumeThroughput
        ExtendedSupport JobFlowRole KerberosAttributes LogEncryptionKmsKeyId LogUri ManagedScalingPolicy
        MonitoringConfiguration NewSupportedProducts OSReleaseLabel PlacementGroupConfigs ReleaseLabel
        RepoUpgradeOnBoot ScaleDownBehavior SecurityConfiguration ServiceRole SessionEnabled StepConcurrencyLevel
        StepExecutionRoleArn SupportedProducts Tags VisibleToAllUsers
    """,
    "emr-containers:createVirtualCluster": """
        ContainerProvider* Name* ClientToken SchedulerConfiguration SecurityConfigurationId SessionEnabled Tags
    """,
    "emr-containers:deleteVirtualCluster": "Id*",
    "emr-containers:startJobRun": """
        VirtualClusterId* ClientToken ConfigurationOverrides ExecutionRoleArn JobDriver JobTemplateId
        JobTemplateParameters Name ReleaseLabel RetryPolicyConfiguration Tags
    """,
    "emr-serverless:createApplication": """
        ReleaseLabel* Type* Architecture AutoStartConfiguration AutoStopConfiguration ClientToken
        DiskEncryptionConfiguration IdentityCenterConfiguration ImageConfiguration InitialCapacity
        InteractiveConfiguration JobLevelCostAllocationConfiguration MaximumCapacity MonitoringConfiguration Name
        NetworkConfiguration RuntimeConfiguration SchedulerConfiguration Tags WorkerTypeSpecifications
    """,
    "emr-serverless:startApplication": "ApplicationId*",
    "emr-serverless:stopApplication": "ApplicationId*",
    "emr-serverless:deleteApplication": "ApplicationId*",
    "emr-serverless:startJobRun": """
        ApplicationId* ExecutionRoleArn* ClientToken ConfigurationOverrides ExecutionIamPolicy
        ExecutionTimeoutMinutes FlexExecution JobDriver Mode Name RetryPolicy Tags
    """,
    "emr-serverless:cancelJobRun": "ApplicationId* JobRunId* ShutdownGracePeriodInSeconds",
    "events:putEvents": "Entries*",
    "glue:startJobRun": """
        JobName* AllocatedCapacity Arguments ExecutionClass ExecutionRoleSessionPolicy JobRunId JobRunQueuingEnabled
        MaxCapacity NotificationProperty NumberOfWorkers SecurityConfiguration Timeout WorkerType
    """,
    "mediaconvert:createJob": """
        Role* Settings* AccelerationSettings BillingTagsSource ClientRequestToken ElementalInferenceSettings
        HopDestinations JobEngineVersion JobTemplate Priority Queue SimulateReservedQueue StatusUpdateInterval Tags
        UserMetadata
    """,
    "sagemaker:createTrainingJob": """
        OutputDataConfig* RoleArn* TrainingJobName* AlgorithmSpecification CheckpointConfig DebugHookConfig
        DebugRuleConfigurations EnableInterContainerTrafficEncryption EnableManagedSpotTraining
        EnableNetworkIsolation Environment ExperimentConfig HyperParameters InfraCheckConfig InputDataConfig
        MlflowConfig ModelPackageConfig ProfilerConfig ProfilerRuleConfigurations RemoteDebugConfig ResourceConfig
        RetryStrategy ServerlessJobConfig SessionChainingConfig StoppingCondition Tags TensorBoardOutputConfig
        VpcConfig
    """,
    "sagemaker:createTransformJob": """
        ModelName* TransformInput* TransformJobName* TransformOutput* TransformResources* BatchStrategy
        DataCaptureConfig DataProcessing Environment ExperimentConfig MaxConcurrentTransforms MaxPayloadInMB
        ModelClientConfig Tags
    """,
    "sagemaker:createProcessingJob": """
        AppSpecification* ProcessingJobName* ProcessingResources* RoleArn* Environment ExperimentConfig
        NetworkConfig ProcessingInputs ProcessingOutputConfig StoppingCondition Tags
    """,
    "sagemaker:createLabelingJob": """
        HumanTaskConfig* InputConfig* LabelAttributeName* LabelingJobName* OutputConfig* RoleArn*
        LabelCategoryConfigS3Uri LabelingJobAlgorithmsConfig StoppingConditions Tags
    """,
    "sagemaker:createHyperParameterTuningJob": """
        HyperParameterTuningJobConfig* HyperParameterTuningJobName* Autotune Tags TrainingJobDefinition
        TrainingJobDefinitions WarmStartConfig
    """,
    "sagemaker:createModel": """
        ModelName* Containers EnableNetworkIsolation ExecutionRoleArn InferenceExecutionConfig PrimaryContainer Tags
        VpcConfig
    """,
    "sagemaker:createEndpoint": "EndpointConfigName* EndpointName* DeploymentConfig Tags",
    "sagemaker:createEndpointConfig": """
        EndpointConfigName* ProductionVariants* AsyncInferenceConfig CrossRegionTrafficConfig DataCaptureConfig
        EnableNetworkIsolation ExecutionRoleArn ExplainerConfig KmsKeyId MetricsConfig ShadowProductionVariants Tags
        VpcConfig
    """,
    "sagemaker:updateEndpoint": """
        EndpointConfigName* EndpointName* DeploymentConfig ExcludeRetainedVariantProperties
        RetainAllVariantProperties RetainDeploymentConfig
    """,
    "sns:publish": """
        Message MessageAttributes MessageDeduplicationId MessageGroupId MessageStructure PhoneNumber Subject
        TargetArn TopicArn
    """,
    "sqs:sendMessage": "MessageBody QueueUrl* DelaySeconds MessageAttributes MessageDeduplicationId MessageGroupId",
    "eks:call": "ClusterName* CertificateAuthority* Endpoint* Method* Path* QueryParameters RequestBody",
    "eks:runJob": "ClusterName* CertificateAuthority* Endpoint* Job* Namespace LogOptions",
    "elasticmapreduce:addStep": "ClusterId* Step* ExecutionRoleArn",
    "elasticmapreduce:cancelStep": "ClusterId* StepId* StepCancellationOption",
    "elasticmapreduce:modifyInstanceFleetByName": "ClusterId* InstanceFleetName* InstanceFleet*",
    "elasticmapreduce:modifyInstanceGroupByName": "ClusterId* InstanceGroupName* InstanceGroup*",
    "elasticmapreduce:setClusterTerminationProtection": "ClusterId* TerminationProtected*",
    "elasticmapreduce:terminateCluster": "ClusterId*",
}
