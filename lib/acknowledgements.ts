/** Findings of cdk-nag and of CDK itself that stay, each with its reason. A finding without one fails test/template. */
import { type Stack, Validations } from 'aws-cdk-lib';

const OBJECTS_OF_USERS =
  'rights on objects are limited to what users upload and what is made of it, whose keys are not known before';
const INDEXES = 'the grant covers the table and its own indexes, nothing else';
const RUNS = 'executions of our own state machine, whose names are made at run time';

const PUBLISHING = 'the function of CDK that copies the built pages into their own bucket, as CDK grants it';

const ACKNOWLEDGED: Readonly<Record<string, string>> = {
  'AwsSolutions-CFR1': 'people record from wherever they are; a stage that wants borders adds them',
  'AwsSolutions-CFR2': 'a firewall costs more than all the rest together; the pages are static, and the API throttles',
  'AwsSolutions-CFR3': 'access logs of static files tell nothing that the API’s own logs do not',
  'AwsSolutions-CFR4': 'the certificate of CloudFront’s own domain allows no choice; viewers are redirected to https',
  'CloudFormation-Validate::W9010': 'whoever deploys has pinned the image of their region: docs/deploying.md',
  'AwsSolutions-L1': 'the function that publishes the pages is CDK’s, with the runtime that CDK has tested',
  'AwsSolutions-IAM5[Action::s3:DeleteObject*]': PUBLISHING,
  'AwsSolutions-IAM5[Action::s3:Abort*]': PUBLISHING,
  'AwsSolutions-IAM5[Resource::<SiteBucket978D4AEB.Arn>/*]': PUBLISHING,
  'AwsSolutions-S1':
    'access logs would cost more than the storage; CloudTrail data events can be switched on for the bucket where an account wants them',
  'AwsSolutions-COG2': 'a recorder on a phone signs in once; a stage that wants MFA switches it on in its user pool',
  'AwsSolutions-COG8': 'the plus tier costs per user and month; a stage that wants it switches it on',
  'AwsSolutions-VPC7': 'one machine without any ingress and without peers; flow logs would show only its own calls to AWS',
  'AwsSolutions-EC29': 'the machine keeps nothing that cannot be made again; it goes with its stack',
  'AwsSolutions-APIG4': 'GET /api/health is public on purpose and says nothing but the stage',
  'AwsSolutions-SQS3': 'these queues are where failed events end, so they are dead-letter queues themselves',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]':
    'writing its own logs is all that this policy allows',
  'AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonSSMManagedInstanceCore]':
    'the way to the machine without any open port, as AWS maintains it',
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/users/*]': OBJECTS_OF_USERS,
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/models/*]': 'models that an operator has put there, read only',
  'AwsSolutions-IAM5[Resource::<StorageBucket5CB7C8EA.Arn>/batch-reports/*]': 'reports are named by the time of their runs',
  'AwsSolutions-IAM5[Resource::<BatchRunnerE42A9BBA.Arn>:*]': 'versions of the one function that moves batch runs on',
  'AwsSolutions-IAM5[Resource::<StorageChunks4C8F3F89.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageSessionsFCE686BD.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageLedger5E7CB2E3.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageJobs4C7573CB.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::<StorageWebhooksD52FC28E.Arn>/index/*]': INDEXES,
  'AwsSolutions-IAM5[Resource::*]':
    'ec2:DescribeInstances, X-Ray and log delivery know no resources to name; metrics are limited to our namespace by condition',
  'AwsSolutions-IAM5[Resource::<FleetControlCAD25BCA.Arn>:*]': 'versions of the one function that the workflow calls',
  'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:{"Fn::Select":[6,{"Fn::Split":[":",{"Ref":"WorkflowRunFC1E545A"}]}]}:*]':
    RUNS,
  'AwsSolutions-IAM5[Action::s3:GetObject*]': 'reading the worker bundle from the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Action::s3:GetBucket*]': 'reading the worker bundle from the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Action::s3:List*]': 'reading the worker bundle from the asset bucket, as CDK grants it',
  'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/*]':
    'the asset bucket of this account, read only',
};

export function acknowledgeFindings(stack: Stack): void {
  for (const [id, reason] of Object.entries(ACKNOWLEDGED)) Validations.of(stack).acknowledge({ id, reason });
}
