<?php
// Answers questions, one JSON line each, with Composer's own classes.

require '/usr/share/php/Composer/autoload.php';

use Composer\Config;
use Composer\IO\BufferIO;
use Composer\IO\NullIO;
use Composer\MetadataMinifier\MetadataMinifier;
use Composer\Package\Loader\ArrayLoader;
use Composer\Package\Loader\InvalidPackageException;
use Composer\Package\Loader\ValidatingArrayLoader;
use Composer\Repository\VcsRepository;
use Composer\Util\HttpDownloader;
use Composer\Util\ProcessExecutor;

set_error_handler(function ($level, $message) {
    throw new ErrorException($message, 0, $level);
});

function decode(string $text)
{
    return json_decode($text, true, 512, JSON_THROW_ON_ERROR);
}

function versions(array $packages): array
{
    $versions = [];
    foreach ($packages as $package) {
        if ($package instanceof Composer\Package\AliasPackage) {
            $package = $package->getAliasOf();
        }
        $versions[] = [$package->getPrettyVersion(), $package->getVersion()];
    }
    return $versions;
}

$answers = [
    'decode' => fn ($question) => ['value' => decode(base64_decode($question['text']))],
    'document' => function ($question) {
        $document = decode($question['text']);
        $packages = $document['packages'][$question['name']];
        if (isset($document['minified'])) {
            $packages = MetadataMinifier::expand($packages);
        }
        return ['versions' => versions((new ArrayLoader)->loadPackages($packages)), 'value' => $document];
    },
    'packages' => function ($question) {
        $packages = decode($question['text'])['packages'][$question['name']];
        $loaded = (new ArrayLoader)->loadPackages(MetadataMinifier::expand($packages));
        $facts = [];
        foreach ($loaded as $package) {
            if ($package instanceof Composer\Package\AliasPackage) {
                $package = $package->getAliasOf();
            }
            $facts[$package->getPrettyVersion()] = [
                'name' => $package->getName(),
                'source' => [$package->getSourceType(), $package->getSourceUrl()],
                'dist' => [$package->getDistType(), $package->getDistUrl()],
                'mirrors' => [$package->getSourceMirrors(), $package->getDistMirrors()],
                'bin' => $package->getBinaries(),
                'target-dir' => $package->getTargetDir(),
                'options' => $package->getTransportOptions(),
                'scripts' => $package->getScripts(),
                'repositories' => $package->getRepositories(),
            ];
        }
        return ['packages' => $facts];
    },
    'load' => function ($question) {
        (new ArrayLoader)->load($question['manifest']);
        return [];
    },
    'validate' => function ($question) {
        $loader = new ValidatingArrayLoader(new ArrayLoader);
        try {
            $loader->load($question['manifest']);
        } catch (InvalidPackageException $error) {
            return ['complaints' => array_merge($error->getErrors(), $error->getWarnings())];
        }
        return ['complaints' => $loader->getWarnings()];
    },
    'warnings' => function ($question) {
        $io = new BufferIO;
        HttpDownloader::outputWarnings($io, 'https://p.example', $question['document']);
        return ['output' => $io->getOutput()];
    },
    'vcs' => function ($question) {
        $io = new NullIO;
        $config = new Config(false);
        $config->merge(['config' => ['home' => $question['home'], 'cache-dir' => $question['home']]]);
        $repository = new VcsRepository(
            ['type' => 'git', 'url' => $question['path']],
            $io,
            $config,
            new HttpDownloader($io, $config),
            null,
            new ProcessExecutor($io)
        );
        return ['versions' => versions($repository->getPackages())];
    },
];

while (($line = fgets(STDIN)) !== false) {
    $question = decode($line);
    try {
        $answer = $answers[$question['ask']]($question);
    } catch (Throwable $error) {
        $answer = ['error' => get_class($error) . ': ' . $error->getMessage()];
    }
    $flags = JSON_PRESERVE_ZERO_FRACTION | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;
    echo json_encode($answer, $flags), "\n";
}
