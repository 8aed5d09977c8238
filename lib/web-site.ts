import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  PriceClass,
  ResponseHeadersPolicy,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import {
  cacheControl,
  contentSecurityPolicy,
  PAGES_CONFIG,
  type PagesConfig,
  PERMISSIONS_POLICY,
} from '../core/contracts/pages.ts';
import type { SharedByCalls } from './shared.ts';

/** Files with a content hash in their names; browsers cache them for a year. */
const HASHED = 'assets/*';

interface WebSiteProps extends Pick<SharedByCalls, 'stage' | 'identity' | 'api'> {
  /** Bucket that audio is uploaded to and read from. */
  readonly audio: IBucket;
  /** Folder with the built pages. */
  readonly pages: string;
}

/** The pages, served by CloudFront from a private bucket. The API has the same origin, so browsers need no CORS preflight. */
export class WebSite extends Construct {
  /** Address of the pages. */
  readonly url: string;
  /** Target of the DNS record of a custom domain. */
  readonly target: string;
  /** Bucket of the built pages. */
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, { stage, identity, api, audio, pages }: WebSiteProps) {
    super(scope, id);
    const { region } = Stack.of(this);
    const cognitoUrl = `https://cognito-idp.${region}.amazonaws.com/`;
    this.bucket = new Bucket(this, 'Bucket', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.DESTROY, // contains build output only
    });
    const headers = new ResponseHeadersPolicy(this, 'Headers', {
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: contentSecurityPolicy(`https://${audio.bucketRegionalDomainName}`, cognitoUrl),
          override: true,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: { accessControlMaxAge: Duration.days(365), includeSubdomains: true, override: true },
      },
      customHeadersBehavior: { customHeaders: [{ header: 'permissions-policy', value: PERMISSIONS_POLICY, override: true }] },
    });
    const distribution = new Distribution(this, 'Distribution', {
      comment: `Chunkscribe ${stage.name}`,
      ...(stage.domain !== undefined &&
        stage.certificateArn !== undefined && {
          domainNames: [stage.domain],
          certificate: Certificate.fromCertificateArn(this, 'Certificate', stage.certificateArn),
        }),
      defaultRootObject: 'index.html',
      httpVersion: HttpVersion.HTTP2_AND_3,
      priceClass: PriceClass.PRICE_CLASS_100,
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.bucket),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: headers,
      },
      additionalBehaviors: {
        '/api/*': {
          origin: new HttpOrigin(`${api.api.apiId}.execute-api.${region}.amazonaws.com`),
          viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
          allowedMethods: AllowedMethods.ALLOW_ALL,
          cachePolicy: CachePolicy.CACHING_DISABLED,
          originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        },
      },
    });
    this.url = `https://${stage.domain ?? distribution.distributionDomainName}`;
    this.target = distribution.distributionDomainName;

    const config: PagesConfig = {
      stage: stage.name,
      apiUrl: '',
      cognitoUrl,
      clientId: identity.client.userPoolClientId,
      liveDefault: stage.liveDefault,
      usdPerRecordedHour: stage.gpuUsdPerHour,
      models: [stage.model, ...stage.models],
      canDiarize: stage.speakerModel !== undefined,
      knownVoices: stage.knownVoices,
    };
    const logGroup = new LogGroup(this, 'PublisherLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Files of older versions stay, because open pages may still load them. No invalidation is needed: CloudFront revalidates
    // files that keep their names after at most one second.
    const publish = { destinationBucket: this.bucket, prune: false, retainOnDelete: false, logGroup };
    const assets = new BucketDeployment(this, 'Assets', {
      ...publish,
      sources: [Source.asset(pages)],
      exclude: ['*'],
      include: [HASHED],
      cacheControl: [CacheControl.fromString(cacheControl(HASHED))],
    });
    const entryFiles = new BucketDeployment(this, 'Entrance', {
      ...publish,
      sources: [Source.asset(pages, { exclude: ['assets'] }), Source.jsonData(PAGES_CONFIG, config)],
      cacheControl: [CacheControl.fromString(cacheControl('index.html'))],
    });
    // The hashed files must exist before the entry files that refer to them.
    entryFiles.node.addDependency(assets);
  }
}
